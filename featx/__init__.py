"""Do I need to fine-tune a Transformer on my texts, or are its frozen features enough? featx answers that."""

__version__ = "0.1.0"
