"""Reads the graphs of models as files: TensorFlow, ONNX and TFLite, without running any of it."""
