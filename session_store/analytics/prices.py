"""What tokens cost: see ``session_store.prices``, which the store itself needs as well."""

from session_store.prices import DEFAULTS, FILE_NAME, Price, PricesInvalidError, keep_prices, price_list, prices_of

__all__ = ["DEFAULTS", "FILE_NAME", "Price", "PricesInvalidError", "keep_prices", "price_list", "prices_of"]
