"""What people type: parsing and normalizing, one module per kind of value."""
