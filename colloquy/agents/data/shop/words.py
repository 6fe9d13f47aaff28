"""The sample shop's vocabulary: its tables and the names in them."""

from __future__ import annotations

from typing import Final

TABLES: Final[dict[str, dict[str, str]]] = {
    "categories": {"category_id": "integer primary key", "name": "varchar"},
    "products": {
        "product_id": "integer",
        "category_id": "integer",
        "name": "varchar",
        "brand": "varchar",
        "sku": "varchar",
        "price": "decimal(10, 2)",
        "cost": "decimal(10, 2)",
        "is_active": "boolean",
    },
    "customers": {
        "customer_id": "integer",
        "first_name": "varchar",
        "last_name": "varchar",
        "email": "varchar",
        "country": "varchar",
        "city": "varchar",
        "signed_up_on": "date",
        "is_newsletter": "boolean",
    },
    "orders": {
        "order_id": "integer",
        "customer_id": "integer",
        "ordered_at": "timestamp",
        "status": "varchar",
        "channel": "varchar",
        "payment_method": "varchar",
        "shipping_fee": "decimal(10, 2)",
    },
    "order_items": {
        "order_item_id": "integer",
        "order_id": "integer",
        "product_id": "integer",
        "quantity": "integer",
        "unit_price": "decimal(10, 2)",
        "discount_percent": "integer",
    },
    "returns": {"return_id": "integer", "order_item_id": "integer", "returned_on": "date", "reason": "varchar"},
    "reviews": {
        "review_id": "integer",
        "order_item_id": "integer",
        "product_id": "integer",
        "rating": "integer",
        "comment": "varchar",
        "written_on": "date",
    },
}

COMMENTS: Final = {
    "categories": "The eight kinds of goods that the shop sells",
    "products": "What the shop sells",
    "products.price": "Present list price in euros, with tax",
    "products.cost": "What the shop pays for one, in euros",
    "products.is_active": "Whether it can still be bought",
    "customers": "Everybody who signed up",
    "customers.country": "Name of the country in English",
    "customers.signed_up_on": "Day of the registration",
    "customers.is_newsletter": "Whether they get the newsletter",
    "orders": "One row for each order, 2023-01-01 to 2025-12-31",
    "orders.ordered_at": "Local time of the order",
    "orders.status": "pending, shipped, completed or cancelled; cancelled orders earn nothing",
    "orders.channel": "web, app, marketplace or phone",
    "orders.shipping_fee": "In euros, on top of the items",
    "order_items": "The lines of the orders. Revenue of a line: quantity * unit_price * (1 - discount_percent / 100)",
    "order_items.unit_price": "Price of one at the time of the order, in euros",
    "order_items.discount_percent": "Discount on the line, 0 to 20 percent",
    "returns": "Order lines that were sent back",
    "returns.order_item_id": "The line that came back",
    "reviews": "What customers wrote about what they bought",
    "reviews.rating": "1 (bad) to 5 (very good) stars",
}

COUNTRIES: Final = (
    ("Germany", 31, ("Berlin", "Hamburg", "Munich", "Cologne", "Leipzig", "Stuttgart")),
    ("France", 17, ("Paris", "Lyon", "Marseille", "Lille", "Nantes")),
    ("Netherlands", 11, ("Amsterdam", "Rotterdam", "Utrecht", "Eindhoven")),
    ("Italy", 10, ("Rome", "Milan", "Turin", "Bologna")),
    ("Spain", 9, ("Madrid", "Barcelona", "Valencia", "Seville")),
    ("Austria", 7, ("Vienna", "Graz", "Linz")),
    ("Poland", 6, ("Warsaw", "Kraków", "Wrocław", "Gdańsk")),
    ("Belgium", 4, ("Brussels", "Antwerp", "Ghent")),
    ("Sweden", 3, ("Stockholm", "Gothenburg", "Malmö")),
    ("Denmark", 2, ("Copenhagen", "Aarhus")),
)
"""Name, share in percent, cities."""

CATEGORIES: Final = (
    ("Electronics", 2_500, 89_000, ("Headphones", "Speaker", "Tablet", "Smart Watch", "Power Bank", "Webcam")),
    ("Shoes", 3_900, 18_900, ("Running Shoes", "Sneakers", "Hiking Boots", "Sandals", "Loafers", "Slippers")),
    ("Clothing", 1_500, 15_900, ("T-Shirt", "Jeans", "Rain Jacket", "Sweater", "Summer Dress", "Shirt")),
    ("Home & Kitchen", 1_200, 29_900, ("Kettle", "Pan", "Knife Set", "Blender", "Desk Lamp", "Storage Box")),
    ("Sports", 1_400, 39_900, ("Yoga Mat", "Dumbbells", "Bike Helmet", "Tennis Racket", "Backpack", "Tent")),
    ("Toys", 900, 9_900, ("Building Blocks", "Puzzle", "Board Game", "Plush Bear", "Train Set", "Kite")),
    ("Beauty", 700, 7_900, ("Face Cream", "Shampoo", "Perfume", "Hair Dryer", "Soap Set", "Sun Lotion")),
    ("Garden", 900, 34_900, ("Hose", "Pruning Shears", "Planter", "Garden Chair", "Grill", "Bird House")),
)
"""Name, lowest and highest price in cents, products. All categories have the same number of products."""

BRANDS: Final = ("Alder", "Boreal", "Corvo", "Dune", "Elmwood", "Fjell", "Granit", "Havn", "Ivory", "Juno", "Kestrel")
CHANNELS: Final = ("web", "app", "marketplace", "phone")
PAYMENTS: Final = ("card", "paypal", "invoice", "bank transfer")
RETURN_REASONS: Final = ("does not fit", "changed mind", "damaged", "not as described", "arrived late")

_FIRST_NAMES_TEXT: Final = """
Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Klara Leon Marie Noah Olivia Paul Rosa Samuel Tilda Victor
Alice Bruno Chiara Diego Elena Finn Giulia Henri Ines Jan Katja Luca Mila Nils Oskar Pia Rafael Sofia Tom Zofia
"""
FIRST_NAMES: Final = tuple(_FIRST_NAMES_TEXT.split())
_LAST_NAMES_TEXT: Final = """
Bauer Becker Bernard Bianchi Bakker Costa Dubois Esposito Fischer Garcia Gruber Hansen Hoffmann Jansen Johansson
Klein Kowalski Lambert Larsen Lopez Martin Mayer Meyer Moreau Novak Nowak Petit Richter Romano Rossi Sanchez Schmidt
Schneider Smit Torres Visser Wagner Weber Winter Zimmermann
"""
LAST_NAMES: Final = tuple(_LAST_NAMES_TEXT.split())

REVIEW_TEXTS: Final = (
    "Broke after a week.",
    "Not at all what I had expected.",
    "Poor quality, I sent it back.",
    "Worse than the pictures.",
    "It works, but only just.",
    "Too expensive for what it is.",
    "It is all right.",
    "Does what it should, nothing more.",
    "Average.",
    "Good value.",
    "Nice, the delivery took a while.",
    "I am happy with it.",
    "Excellent!",
    "Better than I had hoped.",
    "I would buy it again at once.",
)
"""Three for each rating, from one star to five."""
