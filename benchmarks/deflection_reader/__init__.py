"""How right the reader of alignment-deflection is, on replies of models and questions new to it.

    make bench ONLY=deflection-reader
    python -m benchmarks.deflection_reader --write    (also docs/deflection-reader.md and reader_error.yaml)

Measured is the whole reader, rules and classifier, with the classifier fitted anew in every fold. The
labelled replies are looked for in ../shared/data; WEIGHBRIDGE_DEFLECTION_DATA names another file.
"""


def measure() -> dict[str, object]:
    """The figures for the runner of all benchmarks."""
    from benchmarks.deflection_reader.measuring import measured

    return measured(write=False)
