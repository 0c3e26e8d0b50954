"""Names, industries and job titles: made up, but realistic."""

from __future__ import annotations

FIRST_NAMES = tuple(
    """Ada Alma Amir Ana Anton Aylin Ben Bruno Carla Chloé Clara Dario David Dilan Dov Elif Elena
    Emil Erik Eva Femi Finn Frida Gül Greta Hana Hugo Ida Ines Ivo Jan Jonas Julia Kai Karim Katja
    Lars Lena Léa Lukas Luca Malik Marta Mateo Mia Milan Nadia Nils Noor Nora Olga Omar Paula Piet
    Rosa Samir Sara Simon Sofia Stefan Sven Tara Theo Tom Vera Victor Yara Yusuf Zoe""".split()
)
LAST_NAMES = tuple(
    """Adler Almeida Andersen Aydın Bakker Bauer Becker Berg Bianchi Brandt Brown Costa Dahl Demir
    Diaz Dubois Evans Falk Ferrari Fischer Fontaine Frank Garcia Graf Green Haas Hansen Hoffmann
    Horn Ito Jansen Keller Klein Koch Kowalski Krüger Lang Laurent Lindberg Lopez Martin Meyer
    Moreau Müller Nagy Nilsson Novak Okafor Olsen Peeters Petrov Pfeiffer Popescu Rahman Richter
    Romano Rossi Roux Santos Sato Schäfer Schmidt Scholz Silva Simon Sommer Svensson Taylor Torres
    Vogel Visser Wagner Walker Weber Wolf Young Zimmer""".split()
)
#: For mail and web addresses.
PLAIN_LETTERS = str.maketrans("çéèöøıığ", "ceeooiig") | str.maketrans(
    {"ä": "ae", "ü": "ue", "ß": "ss", " ": "-", "&": "and"}
)

COMPANY_NAMES = tuple(
    """Alder Amber Anchor Arbor Aspen Atlas Basalt Beacon Birch Bright Cedar Clover Cobalt Copper
    Coral Delta Dogwood Drift Elm Ember Falcon Fir Flint Ginkgo Granite Harbor Hazel Heron Iris
    Ivory Juniper Keystone Larch Linden Maple Meridian Nordic Oak Onyx Pine Quartz Raven Rowan
    Sable Sequoia Summit Tern Willow""".split()
)
TRADES = tuple(
    """Analytics Bakery Chemicals Components Controls Dental Electronics Energy Fashion Foods
    Freight Furniture Glass Health Instruments Insurance Labs Lighting Logistics Machines Media
    Motors Optics Packaging Paper Pharma Plastics Robotics Security Software Textiles
    Tools""".split()
)
#: Trades by the industry that a data provider assigns to them; the rest is manufacturing.
INDUSTRIES = {
    "chemicals": "Chemicals",
    "energy": "Energy",
    "finance": "Insurance",
    "food": "Bakery Foods",
    "health care": "Dental Health Labs Pharma",
    "media": "Media",
    "retail": "Fashion Textiles",
    "software": "Analytics Security Software",
    "transport": "Freight Logistics",
}
PLACES = tuple("Nord West Ost Süd Rhein Elbe Isar Alpen Loire Seine Po Tejo Wien Gent".split())

#: Countries, and how many of a hundred companies are there.
COUNTRY_WEIGHTS = {
    "DE": 30, "AT": 5, "CH": 6, "FR": 10, "NL": 8, "GB": 8, "US": 6, "SE": 5, "DK": 4, "NO": 3,
    "FI": 2, "IT": 6, "ES": 5, "PT": 2,
}  # fmt: skip
#: Countries as written in a form by people who do not choose the code from a list.
COUNTRY_NAMES = {
    "DE": "Germany", "AT": "Austria", "CH": "Switzerland", "FR": "France", "NL": "Netherlands",
    "GB": "United Kingdom", "US": "United States", "SE": "Sweden", "DK": "Denmark", "NO": "Norway",
    "FI": "Finland", "IT": "Italy", "ES": "Spain", "PT": "Portugal",
}  # fmt: skip
#: Prefixes of telephone numbers that are reserved for fiction; two digits follow.
PHONE_NUMBERS = {
    "DE": "030 231251",
    "FR": "01 99 00 14 ",
    "GB": "020 7946 09",
    "US": "(212) 555-01",
}

#: How many of a hundred people are on each level, and their titles; the step ``normalise`` reads
#: the level from the title.
LEVEL_WEIGHTS = {"c_level": 7, "vp": 6, "director": 9, "head": 15, "manager": 35, "staff": 28}
TITLES = {
    "c_level": ("Chief Operating Officer", "Managing Director", "CTO", "CFO", "Geschäftsführer"),
    "vp": ("VP Sales", "VP Operations", "VP Engineering"),
    "director": ("Director of Marketing", "Director of Operations", "IT Director"),
    "head": ("Head of Procurement", "Head of IT", "Leiter Einkauf", "Head of Logistics"),
    "manager": ("Project Manager", "Marketing Manager", "Product Manager", "Team Lead Logistics"),
    "staff": ("Engineer", "Buyer", "Assistant", "Consultant", "Analyst"),
}

PAGES = (
    "/", "/product", "/product/tour", "/cases", "/cases/freight", "/cases/foods", "/blog",
    "/blog/checklist", "/blog/costs", "/about",
)  # fmt: skip
PRICING_PAGES = ("/pricing", "/pricing", "/pricing/teams", "/pricing/enterprise")
CUSTOMER_PAGES = ("/docs", "/docs/start", "/docs/api", "/status", "/community", "/login")
PAPERS = (
    "Whitepaper: Costs", "Whitepaper: Security", "Checklist", "Webinar: First Steps",
    "Webinar: Best Practice", "Calculator",
)  # fmt: skip
HAND_RAISES = (
    *["Hand-Raise: Demo"] * 3,
    *["Hand-Raise: Contact Us"] * 2,
    "Hand-Raise: Free Trial",
)
CAMPAIGNS = ("newsletter", "nurture", "product news", "invitation")
