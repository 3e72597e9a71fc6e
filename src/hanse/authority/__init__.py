"""What runs at a health data access body: applications come in, and signed decisions go out."""
