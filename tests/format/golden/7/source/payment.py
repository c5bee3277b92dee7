"""Payment by credit card."""


# Talks to the bank; retried by the caller.
def charge_card(card, amount):
    return card.bank.transfer(amount, retries=3)
