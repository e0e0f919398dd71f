pytest_plugins = ["chatsite.testing"]  # docchat
