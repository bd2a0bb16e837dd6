"""The pages of recipients, the heartbeat and the public URL.

Read `page` first; `forms` draws and reads the forms, `delivery` says whether messages arrive.
"""
