"""The drawings of docs/papers, a script each."""
