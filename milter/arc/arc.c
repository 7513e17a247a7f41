/* The words of ARC as tables. */
#include "milter/arc/arc.h"

static const struct {
    const char *name;
    const char *text;
} reasons[ARC_REASONS] = {
    [ARC_OK] = {"ok", "the chain is valid"},
    [ARC_FIELD_SYNTAX] = {"field-syntax", "an ARC field is malformed"},
    [ARC_INSTANCE] = {"instance", "an ARC field has no instance (i=) from 1 to 50"},
    [ARC_DUPLICATE] = {"duplicate", "a field of the set stands twice"},
    [ARC_GAP] = {"gap", "the set is missing, though there are later ones"},
    [ARC_RESULTS_MISSING] = {"results-missing", "the set has no ARC-Authentication-Results"},
    [ARC_MESSAGE_MISSING] = {"message-signature-missing", "the set has no ARC-Message-Signature"},
    [ARC_SEAL_MISSING] = {"seal-missing", "the set has no ARC-Seal"},
    [ARC_REPORTED_FAIL] = {"reported-fail", "the sealer found the chain broken already (cv=fail)"},
    [ARC_CHAIN_STATUS] = {"chain-status", "the seal's cv= is not what its place demands"},
    [ARC_MESSAGE_INVALID] = {"message-signature-invalid", "the message signature is not valid"},
    [ARC_SEAL_INVALID] = {"seal-invalid", "the seal is not valid"},
};

const char *
arc_field_name(enum arc_field field)
{
    static const char *const names[ARC_FIELDS] = {
        [ARC_FIELD_RESULTS] = "ARC-Authentication-Results",
        [ARC_FIELD_MESSAGE] = "ARC-Message-Signature",
        [ARC_FIELD_SEAL] = "ARC-Seal",
    };

    return names[field];
}

const char *
arc_result_name(enum arc_result result)
{
    static const char *const names[] = {
        [ARC_NONE] = "none", [ARC_PASS] = "pass", [ARC_FAIL] = "fail"};

    return names[result];
}

const char *
arc_reason_name(enum arc_reason reason)
{
    return reasons[reason].name;
}

const char *
arc_reason_text(enum arc_reason reason)
{
    return reasons[reason].text;
}
