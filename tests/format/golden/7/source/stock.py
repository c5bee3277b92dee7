# Where the stock is asked for.
STOCK_URL = "https://stock.example.org"
STOCK_TOKEN = "ghp_7Qx2mB9vLk4Tz8RwYd3Hs6NfJc1Gp5Va0EuK"
