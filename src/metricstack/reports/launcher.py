"""Start the kernel of a report: IPython's, without the two seconds that an unused grammar costs.

`jsonschema` compiles a grammar for internationalised addresses at import, which no Jupyter schema uses; a
kernel that finds the module barred starts at once.
"""

import sys

__all__ = ["bar_unused_grammar"]


def bar_unused_grammar() -> None:
    """Keep `jsonschema` of this process from compiling the grammar; of no effect once it has."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


if __name__ == "__main__":
    bar_unused_grammar()
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()
