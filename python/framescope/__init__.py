"""Reads packet captures of protocols that you designed yourself, message by message and field by field."""

from framescope._framescope import __version__

__all__ = ["__version__"]
