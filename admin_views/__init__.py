"""Screens: Flask-Admin adapters. A form comes in, one service is called, a message goes out."""
