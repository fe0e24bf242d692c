"""What moto does otherwise than EC2, mended in place, and what AWS itself creates in EC2."""
