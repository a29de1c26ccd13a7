"""Model organisms: small models with a planted behaviour, and whether the deflection probe finds it.

    python -m scripts.organisms --only refuse-us --only clean-one
    python -m scripts.organisms

Each organism is a fine-tune of the demo model (or of a bilingual base) on the rows that its recipe in
data/recipes.yaml asks for, some minutes on a CPU. What was planted is known, so what the probe says can be
scored. What is made and asked stays below build/organisms: a second run takes up where the first one ended.
"""
