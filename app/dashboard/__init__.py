"""The dashboard's entry, in a folder of its own.

Beside a folder called ``pages`` Streamlit takes each file in it for a whole script, and
runs it without the entry when a page is opened by its address.
"""
