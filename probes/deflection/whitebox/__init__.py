"""What only local weights show of deflection: knowledge, likelihoods, certainty and hidden states."""
