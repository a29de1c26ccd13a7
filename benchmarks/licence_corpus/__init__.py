"""Hand-written clauses and notices that the corpus of licence texts is made with."""
