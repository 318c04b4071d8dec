"""How messages travel to agencies; channels know no vendor."""
