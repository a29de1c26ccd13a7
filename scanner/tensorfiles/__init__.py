"""Tensor files: safetensors and GGUF headers and layouts, read without trusting what they claim."""
