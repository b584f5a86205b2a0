"""The web application: Streamlit's script, and Goalpost's own routes beside it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import app as package

app = st.App(Path(package.__file__).with_name("main.py"))
