"""Dictionary pages: where they are trained from, their files, and how they come to L1 (docs/dictionary.md)."""
