"""The portal of a hub: pages made on the server, each in every language."""
