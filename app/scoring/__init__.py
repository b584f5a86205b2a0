"""The scoring service: detectors over HTTP, for any training loop or robot."""
