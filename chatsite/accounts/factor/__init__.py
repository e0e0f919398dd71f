"""A second factor at sign-in, with django-allauth: the extra `accounts`, where SECOND_FACTOR asks for it."""
