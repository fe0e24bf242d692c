"""What moto leaves out of STS: whom a role trusts."""
