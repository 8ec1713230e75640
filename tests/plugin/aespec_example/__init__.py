"""What a package of its own can add to aespec: a kind of layer, its lowerings, a backend.

The kind is in `attention_pool`, its meaning in `in_numpy`, what the frameworks make of it in `in_keras` and
`in_torch`; the backend is `precise`. aespec finds them by the entry points in ``pyproject.toml`` and imports each
only when it is asked for.
"""
