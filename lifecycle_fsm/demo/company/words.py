"""Names, trades and titles: made up, but such as one meets."""

from __future__ import annotations

FIRST = tuple(
    """Ada Alma Amir Ana Anton Aylin Ben Bruno Carla Chloé Clara Dario David Dilan Dov Elif Elena
    Emil Erik Eva Femi Finn Frida Gül Greta Hana Hugo Ida Ines Ivo Jan Jonas Julia Kai Karim Katja
    Lars Lena Léa Lukas Luca Malik Marta Mateo Mia Milan Nadia Nils Noor Nora Olga Omar Paula Piet
    Rosa Samir Sara Simon Sofia Stefan Sven Tara Theo Tom Vera Victor Yara Yusuf Zoe""".split()
)
LAST = tuple(
    """Adler Almeida Andersen Aydın Bakker Bauer Becker Berg Bianchi Brandt Brown Costa Dahl Demir
    Diaz Dubois Evans Falk Ferrari Fischer Fontaine Frank Garcia Graf Green Haas Hansen Hoffmann
    Horn Ito Jansen Keller Klein Koch Kowalski Krüger Lang Laurent Lindberg Lopez Martin Meyer
    Moreau Müller Nagy Nilsson Novak Okafor Olsen Peeters Petrov Pfeiffer Popescu Rahman Richter
    Romano Rossi Roux Santos Sato Schäfer Schmidt Scholz Silva Simon Sommer Svensson Taylor Torres
    Vogel Visser Wagner Walker Weber Wolf Young Zimmer""".split()
)
#: For mail addresses.
PLAIN = str.maketrans("çéèöøıığ", "ceeooiig") | str.maketrans(
    {"ä": "ae", "ü": "ue", "ß": "ss", " ": "-", "&": "and"}
)

COMPANY = tuple(
    """Alder Amber Anchor Arbor Aspen Atlas Basalt Beacon Birch Bright Cedar Clover Cobalt Copper
    Coral Delta Dogwood Drift Elm Ember Falcon Fir Flint Ginkgo Granite Harbor Hazel Heron Iris
    Ivory Juniper Keystone Larch Linden Maple Meridian Nordic Oak Onyx Pine Quartz Raven Rowan
    Sable Sequoia Summit Tern Willow""".split()
)
TRADE = tuple(
    """Analytics Bakery Chemicals Components Controls Dental Electronics Energy Fashion Foods
    Freight Furniture Glass Health Instruments Insurance Labs Lighting Logistics Machines Media
    Motors Optics Packaging Paper Pharma Plastics Robotics Security Software Textiles
    Tools""".split()
)
#: Trades by the industry that a data provider files them under; the rest is manufacturing.
INDUSTRY = {
    "Analytics": "software",
    "Bakery": "food",
    "Chemicals": "chemicals",
    "Dental": "health care",
    "Energy": "energy",
    "Fashion": "retail",
    "Foods": "food",
    "Freight": "transport",
    "Health": "health care",
    "Insurance": "finance",
    "Labs": "health care",
    "Logistics": "transport",
    "Media": "media",
    "Pharma": "health care",
    "Security": "software",
    "Software": "software",
    "Textiles": "retail",
}
PLACES = tuple("Nord West Ost Süd Rhein Elbe Isar Alpen Loire Seine Po Tejo Wien Gent".split())

#: Countries as they are written in forms: most choose from a list, some type.
COUNTRIES = {
    "DE": ("DE", "DE", "DE", "Germany"),
    "AT": ("AT", "AT", "Austria"),
    "CH": ("CH", "CH", "Switzerland"),
    "FR": ("FR", "FR", "France"),
    "IT": ("IT", "IT", "Italy"),
    "ES": ("ES", "ES", "Spain"),
    "NL": ("NL", "NL", "Netherlands"),
    "GB": ("GB", "GB", "United Kingdom"),
    "SE": ("SE", "SE", "Sweden"),
    "DK": ("DK", "DK", "Denmark"),
    "NO": ("NO", "NO", "Norway"),
    "FI": ("FI", "FI", "Finland"),
    "PT": ("PT", "PT", "Portugal"),
    "US": ("US", "US", "United States"),
}
#: The beginnings of telephone numbers that are kept free for plays and films, two digits behind.
PHONES = {
    "DE": "030 231251",
    "FR": "01 99 00 14 ",
    "GB": "020 7946 09",
    "US": "(212) 555-01",
}

#: Job titles by the level that the step ``normalise`` reads from them.
TITLES = {
    "c_level": (
        "Chief Operating Officer",
        "Managing Director",
        "CTO",
        "CFO",
        "Geschäftsführer",
    ),
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
PRICING = ("/pricing", "/pricing", "/pricing/teams", "/pricing/enterprise")
FOR_CUSTOMERS = ("/docs", "/docs/start", "/docs/api", "/status", "/community", "/login")
PAPERS = (
    "Whitepaper: Costs",
    "Whitepaper: Security",
    "Checklist",
    "Webinar: First Steps",
    "Webinar: Best Practice",
    "Calculator",
)
HANDS = (
    "Hand-Raise: Demo",
    "Hand-Raise: Demo",
    "Hand-Raise: Demo",
    "Hand-Raise: Contact Us",
    "Hand-Raise: Contact Us",
    "Hand-Raise: Free Trial",
)
CAMPAIGNS = ("newsletter", "nurture", "product news", "invitation")
