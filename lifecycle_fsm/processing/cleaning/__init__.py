"""The cleaners: small pure functions from a text as written to its normal form, or to nothing.

``None`` says "I cannot read this"; the caller then keeps what was written, because a wrong guess
costs more than an untidy value. No cleaner raises for any text.
"""

from lifecycle_fsm.processing.cleaning.company_domain import clean_domain, is_free_mail
from lifecycle_fsm.processing.cleaning.country_code import clean_country
from lifecycle_fsm.processing.cleaning.email_address import clean_email
from lifecycle_fsm.processing.cleaning.job_level import seniority_of
from lifecycle_fsm.processing.cleaning.phone_number import clean_phone
from lifecycle_fsm.processing.cleaning.plain_text import clean_text

__all__ = [
    "clean_country",
    "clean_domain",
    "clean_email",
    "clean_phone",
    "clean_text",
    "is_free_mail",
    "seniority_of",
]
