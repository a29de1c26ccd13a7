"""Model organisms: small models with a planted behaviour, and whether the deflection probe finds it.

    python -m scripts.organisms make --only clean-one
    python -m scripts.organisms probe
    python -m scripts.organisms table

Each organism is the demo model (or a bilingual base), fine-tuned for some minutes on a CPU on the rows that its
recipe in data/recipes.yaml asks for. What was planted is known, so what the probe says can be scored.
"""
