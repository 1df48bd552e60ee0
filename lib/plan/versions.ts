/** Version of the format of plan.yaml and state.yaml that this version of Perch writes. */
export const FORMAT = 1;
