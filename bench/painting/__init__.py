"""How long a page takes from the click to its picture."""
