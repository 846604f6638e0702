"""The methods, one paper a file: each takes nets, segmenters and edits, and answers nouns or edits."""
