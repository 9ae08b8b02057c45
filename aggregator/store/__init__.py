"""What is remembered, in SQL. Each function takes a connection inside a transaction; `engine` opens both.

engine      opening, transactions, what differs between databases        tables, migrations    the schema
sources     the config's sources, and how they stand                     visits                one visit's results
stories     items that are the same, their public ids, their categories  categories, channels  what is published
lock        one run at a time
"""
