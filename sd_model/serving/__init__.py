"""Detectors in other people's programs: batches of requests, rewards, ONNX."""
