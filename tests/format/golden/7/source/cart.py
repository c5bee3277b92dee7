"""The shopping cart."""


class ShoppingCart:
    """Articles that a customer wants to buy."""

    def total_price(self):
        """Sum of the prices of all articles."""
        return sum(article.price for article in self.articles)
