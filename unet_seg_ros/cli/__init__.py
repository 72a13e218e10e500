"""
The verbs of ``unet-seg``: they read options, call the other parts and print.

The only part that prints; may import every other, each verb only what it needs.
"""
