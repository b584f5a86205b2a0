"""The pages of the app, one module each; every one has `render() -> None`."""
