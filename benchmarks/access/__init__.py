"""Who is let in where: every route and verb, as each kind of client is answered, beside what is expected."""
