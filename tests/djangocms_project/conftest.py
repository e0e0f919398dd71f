pytest_plugins = ["chatsite.testing"]
