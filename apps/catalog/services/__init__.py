"""The verbs of the catalogue: products and prices, stock and reservations, purchases."""
