"""What is remembered, in SQL. Each function takes a connection inside a transaction; `engine` opens both.

engine      opening, transactions, what differs between databases        tables, migrations    the schema
sources     the config's sources, and how they stand                     visits, items         one visit's results
stories     items that are the same, and their public ids                showing, near         their copies, where shown
categories, channels  what is published                                  retention, vanished   what goes, and stays away
view        what is asked of the owner's rules                           meta                  what is decided once
lock        one run at a time                                            transfer              from one store to another
"""
