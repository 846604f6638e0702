"""Parity with the reference implementations of each format, on random weights: pictures and every layer's features."""
