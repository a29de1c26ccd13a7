"""Reading of Flax checkpoints: MessagePack with tensors as extensions."""
