"""Accounts of the site as a project of its own: passwords, and where one is signed in. No guest project needs this."""
