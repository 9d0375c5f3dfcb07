"""One module per framework, each with an `app` that serves what `content.py` lists, and knows nothing of the stack."""
