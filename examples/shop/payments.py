"""Payments by card."""


class CardDeclined(Exception):
    """The bank has refused the card."""


def charge_card(bank, card, amount):
    """Charge a card with an amount; try again when the bank does not answer."""
    for attempt in range(3):
        try:
            return bank.transfer(card, amount)
        except TimeoutError:
            if attempt == 2:
                raise CardDeclined(card.number) from None
    return None
