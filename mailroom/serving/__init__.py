"""HTTP for whoever connects: hypercorn on streams of our own, which no client can bring down or hold up."""
