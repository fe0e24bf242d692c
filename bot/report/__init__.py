"""What is told, in words: a diagnosis, its evidence, a plan, a history, a playbook.

`*_words.py` hold the sentences, once for every teller; Slack's templates, `terminal.py` and `json_report.py` lay out.
Pure: values in, text out.
"""
