"""Who is calling: internal tokens for producers, JWTs for recipients."""
